"""The list of prompts, from what a feed knows: nothing here asks anybody."""
