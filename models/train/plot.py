"""A reliability plot as a small SVG: what a head said against how often it was right, a dot a bin, its area the share."""

SIDE, EDGE = 320, 40
COLOURS = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#8c564b", "#e377c2"]


def place(said, true):
    return EDGE + said * SIDE, EDGE + (1 - true) * SIDE


def svg(bins):
    """`bins`: {name: [(low, high, share, said, true)]}"""
    whole = SIDE + 2 * EDGE
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole + 150} {whole}" font-family="sans-serif" font-size="11">',
        f'<rect x="{EDGE}" y="{EDGE}" width="{SIDE}" height="{SIDE}" fill="#fff" stroke="#888"/>',
        f'<line x1="{EDGE}" y1="{EDGE + SIDE}" x2="{EDGE + SIDE}" y2="{EDGE}" stroke="#bbb"/>',
        f'<text x="{EDGE + SIDE / 2}" y="{whole - 8}" text-anchor="middle">said</text>',
        f'<text x="12" y="{EDGE + SIDE / 2}" text-anchor="middle" transform="rotate(-90 12 {EDGE + SIDE / 2})">true</text>',
    ]
    for tick in (0.0, 0.5, 1.0):
        x, y = place(tick, tick)
        out.append(f'<text x="{x}" y="{EDGE + SIDE + 14}" text-anchor="middle">{tick}</text>')
        out.append(f'<text x="{EDGE - 4}" y="{y + 4}" text-anchor="end">{tick}</text>')
    for at, (name, rows) in enumerate(bins.items()):
        colour = COLOURS[at % len(COLOURS)]
        points = [place(said, true) + (share,) for _, _, share, said, true in rows]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{2 + 10 * share**0.5:.1f}" fill="{colour}" fill-opacity="0.5"/>' for x, y, share in points]
        out.append(f'<text x="{whole - 20}" y="{EDGE + 16 * (at + 1)}" fill="{colour}">{name}</text>')
    return "\n".join(out) + "\n</svg>\n"
