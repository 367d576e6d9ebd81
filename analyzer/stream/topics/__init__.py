"""The topics a worker needs: which, their ids, and where bad records go."""
