"""Files of datasets: fetched, checked, prepared once, or made up."""
