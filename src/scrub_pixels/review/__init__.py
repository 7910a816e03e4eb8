"""A person decides, the pipeline obeys: everything of the review but the site itself."""
