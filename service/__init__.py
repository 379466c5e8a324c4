"""Postbag: comment moderation for news sites."""
