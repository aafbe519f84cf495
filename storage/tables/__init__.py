"""One file a table: its row type and its Arrow schema."""
