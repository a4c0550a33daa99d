"""Images in superpixels, and what each of them added."""
