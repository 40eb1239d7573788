"""Pure. The arithmetic of a fine-tune: rates by layer and step, class weights."""

from collections.abc import Mapping, Sequence


def layer_rate(base: float, decay: float, layer: int, layers: int) -> float:
    """Discriminative rate base * decay^(layers - layer) (seed 6.5): embeddings are layer 0, the top
    encoder layer is `layers`.

    >>> round(layer_rate(2e-5, 0.8, 0, 6) / 2e-5, 4)
    0.2621
    """
    return base * decay ** (layers - layer)


def peaks(base: float, decay: float, layers: int, head_factor: float) -> list[float]:
    """The peak rate of the embeddings, of each of the encoder's `layers` and of the head, which
    learns `head_factor` times as fast as the base (seed 6.4).

    >>> peaks(1.0, 0.5, 2, 5.0)
    [0.25, 0.5, 1.0, 5.0]
    """
    body = [layer_rate(base, decay, layer, layers) for layer in range(layers + 1)]
    return [*body, base * head_factor]


def schedule(step: int, total: int, warmup: float) -> float:
    """Factor of the peak rate at `step` of `total` (seed 6.6): linear warm-up over a share of the
    steps, then linear decay to 0.

    >>> [round(schedule(step, 4688, 0.1), 4) for step in (50, 469, 4100)]
    [0.1066, 1.0, 0.1394]
    """
    peak = max(1, round(total * warmup))
    if step < peak:
        return step / peak
    decaying = max(1, total - peak)
    return (total - step) / decaying


def class_weights(counts: Mapping[str, int], order: Sequence[str]) -> list[float]:
    """Inverse frequency, scaled to a mean of 1 over the classes (seed 6.3 scales to a sum of 1,
    which shrinks every loss tenfold).

    A class without rows gets weight 0: it cannot be trained.

    >>> counts = {"product_discovery": 221, "escalation": 30}
    >>> weights = class_weights(counts, ["product_discovery", "escalation"])
    >>> round(weights[1] / weights[0], 2)
    7.37
    """
    inverse = []
    for name in order:
        rows = counts.get(name)
        inverse.append(1 / rows if rows else 0.0)
    scale = len(order) / sum(inverse)
    return [value * scale for value in inverse]
