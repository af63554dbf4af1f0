"""What one can do with a workspace: one module a noun, used by screen, command line and API."""
