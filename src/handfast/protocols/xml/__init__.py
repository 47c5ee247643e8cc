"""The one reader of XML: strict, bounded, and deaf to everything in XML that reaches beyond the document."""
