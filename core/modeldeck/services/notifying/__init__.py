"""Notifications: the outbox, delivering, who may be contacted in a person's name."""
