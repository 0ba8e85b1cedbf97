-- A shop's customers and orders: 20 cities with 50 customers each, about ten orders for each customer. One customer, in
-- city-07, has not ordered anything yet.
CREATE TABLE IF NOT EXISTS customers (
    id   BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    city TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS orders (
    id       BIGINT PRIMARY KEY,
    customer BIGINT NOT NULL REFERENCES customers,
    cents    BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS customers_city ON customers (city);
CREATE INDEX IF NOT EXISTS orders_customer ON orders (customer);

INSERT INTO customers
    SELECT n, 'customer ' || lpad(n::text, 4, '0'), 'city-' || lpad((n % 20)::text, 2, '0')
    FROM generate_series(1, 1000) AS n
    ON CONFLICT DO NOTHING;
INSERT INTO orders
    SELECT n, 1 + n % 1000, 100 + (n * 7919) % 9900
    FROM generate_series(1, 10000) AS n
    WHERE 1 + n % 1000 <> 507
    ON CONFLICT DO NOTHING;
ANALYZE customers, orders;
