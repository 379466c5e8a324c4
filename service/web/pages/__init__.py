"""Pages, fragments and feeds made on the server: what works without JavaScript."""
