"""One door for tests and benches: brokers, harness, worker pool, reference run, fakes."""
