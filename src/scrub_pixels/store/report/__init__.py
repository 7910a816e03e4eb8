"""What a person reads: the report in OUT, free of PHI, and the private page that explains one file."""

from scrub_pixels.store.report.explain import explain_page
from scrub_pixels.store.report.write import REPORT_JSON, REPORT_LINES, REPORT_PAGE, write_report

__all__ = ["REPORT_JSON", "REPORT_LINES", "REPORT_PAGE", "explain_page", "write_report"]
