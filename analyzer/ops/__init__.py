"""What every running process needs beside its work: logs, metrics, health over HTTP."""
