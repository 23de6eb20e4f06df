import decimal, fractions, numbers, statistics

print(decimal.Decimal("1.5") + 1, fractions.Fraction("1/3"), isinstance(decimal.Decimal(1), numbers.Number))
print(statistics.stdev([1, 2, 4]))
