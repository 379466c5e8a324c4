"""The command line: wires stores to features for one call, and knows the time."""
