"""The sandbox's page: the files a browser loads, and what hands them out."""
