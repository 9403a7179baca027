"""What the console's pages load besides our own."""
