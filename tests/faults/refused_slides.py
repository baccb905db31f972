"""What is said of each simulated slide that cannot be used, by its name in slides_broken.CASES; the others are used."""

REFUSED = {
    "no-mpp": r"mpp: missing, expected .*unstated_mpp",
    "magnification-without-mpp": r"mpp: missing \(magnification 10 alone is none\)",
    "white": "no tissue$",
    "black": r"no tissue \(100% black\)",
    "pen-alone": r"no tissue \(\d+% pen, \d+% black\)",
    "truncated": "not read by OpenSlide",
    "empty": "not read by OpenSlide",
    "one-bad-tile": r"\d+ of \d+ tiles cannot be decoded, expected at most 1%",
    "huge-mpp": "mpp: found 500, 500, expected 0.05 to 8",
}
