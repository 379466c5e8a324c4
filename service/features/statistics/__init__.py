"""What the newsroom learns of its own work: how much, how fast, how alike, and by which rules."""
