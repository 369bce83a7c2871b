"""Make reviews to classify: ``python docs/reviews.py 1000 > reviews.csv``. The demo model knows such sentences.

The column `sentiment` is what a right answer says. The same number gives the same reviews.
"""

import csv
import random
import sys

SUBJECTS = ["food", "service", "movie", "room", "phone", "book", "coffee", "music"]
WORDS = {
    "positive": ["great", "excellent", "wonderful", "delicious", "fast", "friendly", "beautiful", "perfect"],
    "negative": ["terrible", "awful", "slow", "rude", "broken", "cold", "boring", "dirty"],
}

if __name__ == "__main__":
    draw, rows = random.Random(7), csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(["id", "text", "sentiment"])
    for number in range(1, int(sys.argv[1]) + 1):
        sentiment = draw.choice(list(WORDS))
        rows.writerow([number, f"The {draw.choice(SUBJECTS)} was {draw.choice(WORDS[sentiment])}.", sentiment])
