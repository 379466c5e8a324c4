"""What the speed and the figures of the documentation are measured with."""
