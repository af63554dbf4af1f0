"""Looking after a workspace's folder: health, protection, and what nobody needs any more."""
