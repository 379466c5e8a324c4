"""Search over all comments of a site, whatever became of them: language, finding, export, index."""
