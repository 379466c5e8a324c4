"""How fast the service is, beside nginx and Isso: `make bench`."""
