"""The console: prompts released from a browser."""
