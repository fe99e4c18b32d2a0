"""Planning by the route tables in force: paths, promise dates, and which FCs serve an order. It only reads documents."""
