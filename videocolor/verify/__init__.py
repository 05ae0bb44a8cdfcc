"""Proof that nothing of a film was lost: both files are read again, by other programs where possible."""

from videocolor.verify.film import verify_film
from videocolor.verify.report import Finding, VerifyReport, report_from_dict

__all__ = ["Finding", "VerifyReport", "report_from_dict", "verify_film"]
