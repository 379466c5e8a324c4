"""The JSON of the API: what requests may say, and how answers are written."""
