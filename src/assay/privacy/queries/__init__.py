"""Private answers to counts, sums, means, variances, quantiles, histograms and tables of any size of data."""
