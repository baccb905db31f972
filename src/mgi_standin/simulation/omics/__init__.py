"""What a simulated GDC has of a tumour beside expression: copy number, mutations, methylation, microRNA, proteins."""
