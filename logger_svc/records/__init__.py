"""Log records: taking, keeping, finding and following them."""
