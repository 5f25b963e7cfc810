"""Orders and payments that do not fit, with what they are about and for how long."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from shopnow_streams.batch.measures import HOUR_US, end_of, euros, events, exact, micros, placements

PROBLEMS = ("amount-mismatch", "paid-before-placed", "paid-twice", "payment-without-order", "unpaid")


def payment_problems(
    views: DataFrame,
    adds: DataFrame,
    orders: DataFrame,
    payments: DataFrame,
    stock: DataFrame,
    *,
    unpaid_for_hours: int,
) -> DataFrame:
    """One row a problem of an order, by problem, then the oldest first. An order may have several.

    - unpaid: placed, and no payment for `unpaid_for_hours` up to the last event of the archive, whatever event that is;
    - paid-twice: more than one payment (a payment that a producer sent twice is two, as live);
    - paid-before-placed: the first payment happened before the order's newest placement;
    - amount-mismatch: a payment of another amount than the order, and all payments together are another amount too, so
      that an order paid in parts is only paid twice;
    - payment-without-order: paid, and never placed.

    `difference_cents` is what was paid too much, below zero too little. `age_s` is how long before the archive's last
    event the order was placed, or, where there are payments, the last one made. Asked for some days only, an order and
    a payment on either side of a bound do not see each other.
    """
    placed = placements(orders).select("id_commande", F.col("user_id").alias("customer"), "placed_at", "placed_cents")
    orders_and_payments = placed.join(_paid(payments), "id_commande", "full_outer")
    ages = orders_and_payments.join(end_of(views, adds, orders, payments, stock)).withColumn("age_us", _age_us())
    paid_cents = F.coalesce("paid_cents", F.lit(0))
    difference = paid_cents - F.coalesce("placed_cents", F.lit(0))
    found = ages.withColumn("problem", F.explode(_problems(unpaid_for_hours)))
    return found.select(
        "problem",
        "id_commande",
        F.coalesce("customer", "payer").alias("user_id"),
        "placed_at",
        "placed_cents",
        F.coalesce("payments", F.lit(0)).alias("payments"),
        "first_paid_at",
        "last_paid_at",
        paid_cents.cast("decimal(38,0)").alias("paid_cents"),
        difference.cast("decimal(38,0)").alias("difference_cents"),
        euros(difference).alias("difference_euros"),
        F.floor(F.col("age_us").cast("decimal(20,0)") / 1_000_000).cast("bigint").alias("age_s"),
    ).orderBy("problem", F.col("age_s").desc(), "id_commande")


def _paid(payments: DataFrame) -> DataFrame:
    return (
        events(payments)
        .groupBy("id_commande")
        .agg(
            F.max(F.struct("event_time", "user_id")).alias("newest"),
            F.count("*").alias("payments"),
            F.min("event_time").alias("first_paid_at"),
            F.max("event_time").alias("last_paid_at"),
            F.sum(exact("montant_cents")).alias("paid_cents"),
            F.min("montant_cents").alias("least_cents"),
            F.max("montant_cents").alias("most_cents"),
        )
        .withColumn("payer", F.col("newest.user_id"))
    )


def _age_us() -> Column:
    return F.greatest(F.col("end_us") - micros(F.coalesce("last_paid_at", "placed_at")), F.lit(0))


def _problems(unpaid_for_hours: int) -> Column:
    placed, paid = F.col("placed_at").isNotNull(), F.col("payments").isNotNull()
    cents = F.col("placed_cents")
    another = (F.col("least_cents") != cents) | (F.col("most_cents") != cents)
    holds = {
        "amount-mismatch": placed & paid & another & (F.col("paid_cents") != cents),
        "paid-before-placed": F.col("first_paid_at") < F.col("placed_at"),
        "paid-twice": F.col("payments") > 1,
        "payment-without-order": paid & ~placed,
        "unpaid": placed & ~paid & (F.col("age_us") >= unpaid_for_hours * HOUR_US),
    }
    return F.array_compact(F.array(*(F.when(holds[name], F.lit(name)) for name in PROBLEMS)))
