"""The jobs a second time, in DuckDB's SQL, by other ways than Spark's.

A decimal is written as a whole number of its last digit (euros as cents, a rate as ten-thousandths), since DuckDB
divides in binary fractions; `ratio` rounds as a schoolbook does, half away from zero.
"""

import duckdb

from shopnow_streams.topics import Topic

SETUP = """
SET TimeZone = 'UTC';
CREATE MACRO ratio(part, whole, digits) AS CASE WHEN whole <> 0 THEN
    sign(part::HUGEINT) * ((abs(part::HUGEINT) * 2 * (10 ** digits)::HUGEINT + whole) // (2 * whole::HUGEINT)) END;
CREATE MACRO us(t) AS epoch_us(t);
"""

TABLES = """
CREATE TABLE placement AS
    SELECT id_commande, user_id, event_time AS placed_at, montant_total_cents AS cents, articles FROM orders
    QUALIFY row_number() OVER (PARTITION BY id_commande ORDER BY event_time DESC, montant_total_cents DESC,
        list_sum(list_transform(articles, lambda line: line.quantite)) DESC, user_id DESC,
        kafka_timestamp DESC, kafka_offset DESC) = 1;
CREATE TABLE line AS
    SELECT id_commande, placed_at, l.id_produit, l.quantite, l.quantite * l.prix_cents AS cents
    FROM (SELECT id_commande, placed_at, unnest(articles) AS l FROM placement);
CREATE TABLE moment AS
    SELECT event_time, kafka_timestamp FROM views UNION ALL SELECT event_time, kafka_timestamp FROM adds
    UNION ALL SELECT event_time, kafka_timestamp FROM orders UNION ALL SELECT event_time, kafka_timestamp FROM payments
    UNION ALL SELECT event_time, kafka_timestamp FROM counts;
CREATE TABLE ending AS
    SELECT us(max(event_time)) AS t FROM moment WHERE us(event_time) - us(kafka_timestamp) <= 3600000000;
CREATE TABLE named AS
    SELECT id_produit, arg_max(nom_produit, (event_time, nom_produit)) AS nom
    FROM (SELECT id_produit, nom_produit, event_time FROM views UNION ALL
          SELECT id_produit, nom_produit, event_time FROM adds)
    GROUP BY ALL;
"""

SQL = {
    "daily-sales": """
        WITH o AS (SELECT event_time::DATE AS day, * FROM orders),
        l AS (SELECT day, l.id_produit AS p, l.quantite AS u, l.quantite * l.prix_cents AS c
              FROM (SELECT day, unnest(articles) AS l FROM o)),
        best AS (SELECT day, p, sum(u) AS u FROM l GROUP BY day, p
                 QUALIFY row_number() OVER (PARTITION BY day ORDER BY sum(u) DESC, sum(c) DESC, p) = 1),
        days AS (SELECT day FROM o UNION SELECT event_time::DATE FROM payments)
        SELECT day, n, coalesce((SELECT sum(u) FROM l WHERE l.day = days.day), 0), c, c, ratio(c, n, 0), pn, pc, pc,
            best.p, best.u
        FROM days
        LEFT JOIN best USING (day),
        LATERAL (SELECT count(*) AS n, coalesce(sum(montant_total_cents), 0) AS c FROM o WHERE o.day = days.day),
        LATERAL (SELECT count(*) AS pn, coalesce(sum(montant_cents), 0) AS pc FROM payments
                 WHERE event_time::DATE = days.day)
        ORDER BY day""",
    "conversion-funnel": """
        WITH all_of_them AS (
            SELECT event_time::DATE AS day, 1 AS stage, user_id FROM views UNION ALL
            SELECT event_time::DATE, 2, user_id FROM adds UNION ALL
            SELECT event_time::DATE, 3, user_id FROM orders UNION ALL
            SELECT event_time::DATE, 4, user_id FROM payments),
        n AS (SELECT day,
            count(*) FILTER (stage = 1) AS a, count(*) FILTER (stage = 2) AS b,
            count(*) FILTER (stage = 3) AS c, count(*) FILTER (stage = 4) AS d,
            count(DISTINCT user_id) FILTER (stage = 1) AS e, count(DISTINCT user_id) FILTER (stage = 2) AS f,
            count(DISTINCT user_id) FILTER (stage = 3) AS g, count(DISTINCT user_id) FILTER (stage = 4) AS h,
            count(*) FILTER (user_id IS NULL) AS i
            FROM all_of_them GROUP BY day)
        SELECT *, ratio(a - b, a, 4), ratio(b - c, b, 4), ratio(c - d, c, 4),
            ratio(e - f, e, 4), ratio(f - g, f, 4), ratio(g - h, g, 4)
        FROM n ORDER BY day""",
    "top-products": """
        WITH sold AS (SELECT l.id_produit AS id, count(*) AS n, sum(l.quantite) AS u, sum(l.quantite * l.prix_cents) c
                      FROM (SELECT unnest(articles) AS l FROM orders) GROUP BY 1),
        seen AS (SELECT id_produit AS id, count(*) AS v FROM views GROUP BY 1),
        put AS (SELECT id_produit AS id, count(*) AS a FROM adds GROUP BY 1)
        SELECT rank() OVER (ORDER BY coalesce(c, 0) DESC) AS place, id, nom, coalesce(v, 0), coalesce(a, 0),
            coalesce(n, 0), coalesce(u, 0), coalesce(c, 0), coalesce(c, 0), ratio(coalesce(n, 0), v, 4)
        FROM sold FULL JOIN seen USING (id) FULL JOIN put USING (id) LEFT JOIN named ON id_produit = id
        ORDER BY place, id""",
    "bought-together": """
        WITH basket AS (SELECT DISTINCT id_commande, id_produit AS p FROM line),
        alone AS (SELECT p, count(*) AS n FROM basket GROUP BY p),
        pair AS (SELECT a.p AS a, b.p AS b, count(*) AS n FROM basket a JOIN basket b
                 ON a.id_commande = b.id_commande AND a.p < b.p GROUP BY ALL HAVING count(*) >= 5),
        total AS (SELECT count(*) AS n FROM placement)
        SELECT pair.a, x.nom, pair.b, y.nom, pair.n, l.n, r.n, ratio(pair.n, total.n, 6), ratio(pair.n, l.n, 6),
            ratio(pair.n, r.n, 6), ratio(pair.n * total.n, l.n * r.n, 6)
        FROM pair JOIN alone l ON l.p = pair.a JOIN alone r ON r.p = pair.b CROSS JOIN total
        LEFT JOIN named x ON x.id_produit = pair.a LEFT JOIN named y ON y.id_produit = pair.b
        ORDER BY pair.n DESC, pair.a, pair.b""",
    "stock-outs": """
        WITH c AS (SELECT id_produit AS id, us(event_time) AS t, min(stock) = 0 AS out FROM counts GROUP BY ALL),
        turns AS (SELECT *, lag(out) OVER (PARTITION BY id ORDER BY t) AS before FROM c
                  QUALIFY before IS DISTINCT FROM out),
        spell AS (SELECT id, t, out, lead(t) OVER (PARTITION BY id ORDER BY t) AS back FROM turns),
        timed AS (SELECT *, coalesce(back, ending.t) - spell.t AS span, spell.t AS start FROM spell, ending),
        sold AS (SELECT t.id, t.start, sum(quantite) AS u, sum(cents) AS c
                 FROM timed t JOIN line ON line.id_produit = t.id AND us(placed_at) >= t.start
                    AND us(placed_at) < coalesce(t.back, 9e18::BIGINT) GROUP BY ALL),
        spells AS (SELECT timed.*, coalesce(u, 0) AS u, coalesce(c, 0) AS c
                   FROM timed LEFT JOIN sold USING (id, start)),
        usual AS (SELECT id, sum(span) FILTER (NOT out) AS span, coalesce(sum(u) FILTER (NOT out), 0) AS u,
                  coalesce(sum(c) FILTER (NOT out), 0) AS c FROM spells GROUP BY id),
        n AS (SELECT id_produit, arg_max(nom_produit, (event_time, nom_produit)) AS nom
              FROM (SELECT id_produit, nom_produit, event_time FROM counts WHERE nom_produit IS NOT NULL UNION ALL
                    SELECT id_produit, nom_produit, event_time FROM views UNION ALL
                    SELECT id_produit, nom_produit, event_time FROM adds) GROUP BY ALL)
        SELECT id, nom, make_timestamp(start), make_timestamp(back), ratio(spells.span, 3600000000, 4),
            ratio(usual.u * 3600000000, usual.span, 4), spells.u, ratio(usual.u * spells.span, usual.span, 2),
            ratio(usual.c * spells.span, usual.span, 0) AS lost, ratio(usual.c * spells.span, usual.span, 0)
        FROM spells JOIN usual USING (id) LEFT JOIN n ON n.id_produit = id WHERE out
        ORDER BY lost DESC NULLS LAST, start, id""",
    "customer-value": """
        WITH c AS (SELECT user_id AS id, us(max(placed_at)) AS latest, count(*) AS n, sum(cents) AS cents
                   FROM placement GROUP BY 1),
        s AS (SELECT *,
            1 + 5 * (SELECT count(*) FROM c o WHERE o.latest < c.latest) // (SELECT count(*) FROM c) AS r,
            1 + 5 * (SELECT count(*) FROM c o WHERE o.n < c.n) // (SELECT count(*) FROM c) AS f,
            1 + 5 * (SELECT count(*) FROM c o WHERE o.cents < c.cents) // (SELECT count(*) FROM c) AS m FROM c)
        SELECT id, greatest(ending.t - latest, 0) // 86400000000, n, cents, cents, r, f, m, CASE
            WHEN r > 3 AND f > 3 THEN 'champions' WHEN r > 2 AND f > 2 THEN 'loyal' WHEN r > 3 THEN 'new'
            WHEN r = 3 THEN 'wavering' WHEN f > 3 AND m > 3 THEN 'cannot lose' WHEN f > 2 OR m > 2 THEN 'at risk'
            ELSE 'lost' END
        FROM s, ending ORDER BY cents DESC, id""",
    "cohort-retention": """
        WITH o AS (SELECT DISTINCT user_id AS id, date_trunc('month', placed_at)::DATE AS month FROM placement),
        first AS (SELECT id, min(month) AS cohort FROM o GROUP BY id),
        size AS (SELECT cohort, count(*) AS n FROM first GROUP BY cohort),
        back AS (SELECT cohort, date_diff('month', cohort, month) AS k, count(*) AS n
                 FROM o JOIN first USING (id) GROUP BY ALL),
        cell AS (SELECT size.cohort, size.n, k.k,
                 CASE WHEN size.cohort + to_months(k.k::INT) <= (SELECT max(month) FROM o)
                 THEN ratio(coalesce(back.n, 0), size.n, 4) END AS rate
                 FROM size CROSS JOIN range(1, 7) k(k) LEFT JOIN back ON back.cohort = size.cohort AND back.k = k.k)
        SELECT cohort, n, max(rate) FILTER (k = 1), max(rate) FILTER (k = 2), max(rate) FILTER (k = 3),
            max(rate) FILTER (k = 4), max(rate) FILTER (k = 5), max(rate) FILTER (k = 6)
        FROM cell GROUP BY ALL ORDER BY cohort""",
    "payment-problems": """
        WITH o AS (SELECT id_commande AS id, user_id AS u, us(placed_at) AS t, cents FROM placement),
        p AS (SELECT id_commande AS id, us(event_time) AS t, montant_cents AS cents, user_id AS u FROM payments),
        paid AS (SELECT id, count(*) AS n, min(t) AS first, max(t) AS last, sum(cents) AS cents, arg_max(u, (t, u)) AS u
                 FROM p GROUP BY id),
        found AS (
            SELECT 'unpaid' AS problem, id FROM o WHERE id NOT IN (SELECT id FROM p) UNION ALL
            SELECT 'payment-without-order', id FROM p WHERE id NOT IN (SELECT id FROM o) GROUP BY id UNION ALL
            SELECT 'paid-twice', id FROM p GROUP BY id HAVING count(*) > 1 UNION ALL
            SELECT 'paid-before-placed', id FROM o JOIN p USING (id) WHERE p.t < o.t GROUP BY id UNION ALL
            SELECT 'amount-mismatch', id FROM o JOIN p USING (id) JOIN paid USING (id)
                WHERE p.cents <> o.cents AND paid.cents <> o.cents GROUP BY id)
        SELECT problem, id, coalesce(o.u, paid.u), make_timestamp(o.t), o.cents, coalesce(n, 0), make_timestamp(first),
            make_timestamp(last), coalesce(paid.cents, 0), coalesce(paid.cents, 0) - coalesce(o.cents, 0),
            coalesce(paid.cents, 0) - coalesce(o.cents, 0),
            greatest(ending.t - coalesce(last, o.t), 0) // 1000000 AS age
        FROM found LEFT JOIN o USING (id) LEFT JOIN paid USING (id), ending ORDER BY problem, age DESC, id""",
    "data-quality": """
        SELECT topic, kafka_timestamp::DATE AS day, count(*) AS n, count(rejected) AS r,
            count(*) FILTER (rejected = 'no-value'), count(*) FILTER (rejected = 'not-json'),
            count(*) FILTER (rejected = 'not-valid'),
            count(*) FILTER (rejected NOT IN ('no-value', 'not-json', 'not-valid')),
            count(*) FILTER (kafka_key IS NULL),
            count(*) FILTER (event_time < kafka_timestamp - INTERVAL 3600 SECOND),
            count(*) FILTER (event_time > kafka_timestamp + INTERVAL 1 SECOND),
            CASE WHEN topic <> 'stock-mis-a-jour' THEN count(*) FILTER (rejected IS NULL AND user_id IS NULL) END,
            ratio(count(rejected), count(*), 4)
        FROM all_records GROUP BY topic, day ORDER BY topic, day""",
}
"""By the jobs' names."""


def opened(archive: str) -> duckdb.DuckDBPyConnection:
    """A connection that sees the archive in that directory."""
    connection = duckdb.connect()
    connection.execute(SETUP)
    for topic, table in zip(Topic, ("views", "adds", "orders", "payments", "counts"), strict=True):
        connection.read_parquet(f"{archive}/{topic}/*/*.parquet").create_view(f"raw_{table}")
        connection.view(f"raw_{table}").filter("rejected IS NULL").create_view(table)
    connection.read_parquet(f"{archive}/*/*/*.parquet", union_by_name=True, filename=True).project(
        "*, split_part(split_part(filename, '/date=', 1), '/', -1) AS topic"
    ).create_view("all_records")
    connection.execute(TABLES)
    return connection
