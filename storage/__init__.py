"""Artifacts: immutable Parquet tables with manifests, a catalog and SQL."""
