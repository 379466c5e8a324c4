"""The page of statistics: eight plots, each with what it says and with its figures."""
