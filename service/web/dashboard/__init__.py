"""The newsroom's pages: how one is added stands in `docs/dashboard-frame.md`."""
