"""Bridges to other systems: others may use a site's screening, and a site may ask its own service.

`desk` is what a site sets up; `opinion` screens a text of another system, of which nothing is
kept; `coral` and `perspective` say it as those systems do; `outside` asks a site's own service.
docs/decisions/0027-bridges.md says why, docs/bridges.md how.
"""
