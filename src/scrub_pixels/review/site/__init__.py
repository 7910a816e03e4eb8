"""The review site: a local web site before the desk."""

from scrub_pixels.review.site.serving import Access, serve

__all__ = ["Access", "serve"]
