"""One adapter a file: each makes one kind of model speak `assay.core.subject.Model`."""
