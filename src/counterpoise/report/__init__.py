"""Pictures, read from rows: Matplotlib's, still, in whatever format the name of the file means."""
