"""Models that learn from a newsroom's own decisions, on the box.

`reading` turns a text into numbers, `model` weighs them, `fitting` learns the weights, `grading`
says how good they are: pure, NumPy alone. `refit` and `models` bring them to the stores and into
screening. A model never rejects; docs/decisions/0022-learning.md says what it may do.
"""
