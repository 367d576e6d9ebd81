"""What watches a running worker: progress, stalls, and the outermost supervisor."""
