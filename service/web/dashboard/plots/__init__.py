"""Plots as SVG, made on the server: with a title, a description, and the figures on each mark.

Colours and dashes are classes of `statistics/statistics.css`; nothing here is a style, so the
policy of the pages holds. Time runs from left to right in every language.
"""
