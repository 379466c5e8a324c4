"""The wiring: stores to features to operations, and the loops that go on behind them.

A part a room: `core` is what all share, `live` what pushes, `readers`, `moderators` and `members`
what each of them does, `upkeep` what goes on by itself. Only here and on the command line does
the service know what time it is.
"""
