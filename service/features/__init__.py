"""What the service does, one file an ability."""
