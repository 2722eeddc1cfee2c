"""Transfer functions found from pictures: the paper's experiment 4.1 on five volumes; writes ``dvr_transfer.json``.

    python benchmarks/dvr_transfer.py [--size 128] [--pixels 128] [--epochs 100] [--conditions annealed 0.25 ...]
    python benchmarks/dvr_transfer.py --size 256 --pixels 256 --conditions annealed   # the paper's size

Each volume (``dvr_subjects.py``) is drawn by our ray marcher through a function made by hand, from 25 sides to learn
from and 7 to judge by. A condition is a model and how it samples: "annealed" grows from 0.1 to 2 samples per voxel,
"0.25", "0.5", "1", "2" and "3" are constant; "-still" samples the same places in every epoch; "mlp-" is the
perceptron; "paper-" emits at any opacity (see ``March``). Seconds are processor time of the training steps, which other
work on the machine disturbs least; with n threads the wall clock shows 1/n of them. What is done is kept in
``--results`` and not done again, down to the epoch.
"""

from __future__ import annotations

import argparse
import gc
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from dvr_subjects import SUBJECTS, Prepared, prepare
from tomosplat import machine
from tomosplat.dvr.lookup import render_table
from tomosplat.dvr.march import March
from tomosplat.dvr.table_checkpoints import fingerprint, load_table_fit, save_table_fit
from tomosplat.dvr.table_fitting import TableFit, fit_table
from tomosplat.dvr.table_settings import TableSettings
from tomosplat.files.images import to_bytes, write_png
from tomosplat.metrics import has_perceptual_weights, st_lpips
from tomosplat.threads import n_threads

#: Pictures in each step at a constant rate, as in the paper.
BATCHES = {0.25: 12, 0.5: 6, 1.0: 3, 2.0: 2, 3.0: 1}
CONDITIONS = [
    *("annealed", "0.25", "0.5", "1", "2", "3"),
    *("annealed-still", "0.25-still", "0.5-still", "1-still", "2-still", "3-still"),
    *("mlp-annealed", "mlp-0.25", "mlp-0.5", "mlp-1", "mlp-2", "mlp-3"),
    "paper-annealed",
]


def settings_of(condition: str, epochs: int, seed: int) -> TableSettings:
    """A condition by its name."""
    sampling = condition.removeprefix("mlp-").removeprefix("paper-").removesuffix("-still")
    low, high = (0.1, 2.0) if sampling == "annealed" else (float(sampling),) * 2
    return TableSettings(
        kind="mlp" if condition.startswith("mlp-") else "lookup",
        epochs=epochs,
        batch=BATCHES[high],
        low_rate=low,
        high_rate=high,
        jitter=not condition.endswith("-still"),
        associated=not condition.startswith("paper-"),
        seed=seed,
    )


def measure(prepared: Prepared, settings: TableSettings, picture: Path) -> dict[str, float]:
    """Fit, going on from where a run was stopped, and tell how good the best epoch is and what the training took."""
    kept, of = picture.with_suffix(".state"), fingerprint(prepared.features, prepared.train, settings)
    fit = TableFit.begin(prepared.features, settings)
    if kept.exists():
        fit = load_table_fit(kept, fit, of)

    def keep(now: TableFit) -> None:
        save_table_fit(kept, now, of)

    fit_table(prepared.features, prepared.train, prepared.test, settings, state=fit, on_epoch=keep)
    kept.unlink(missing_ok=True)
    images = render_table(
        prepared.features, fit.best, prepared.test.rays, March(settings.test_rate, settings.associated)
    )
    pairs = list(zip(images[..., :3].clamp(0, 1), prepared.test.images[..., :3], strict=True))
    rows = [
        np.concatenate([to_bytes(x.numpy(), (0, 0, 0)) for x in xs[:4]], 1) for xs in (prepared.test.images, images)
    ]
    write_png(picture, np.concatenate(rows))
    distances = [float(st_lpips(a.contiguous(), b.contiguous())) for a, b in pairs] if has_perceptual_weights() else []
    return {
        "ssim": fit.quality.ssim,
        "psnr": fit.quality.psnr,
        "st_lpips": float(np.mean(distances)) if distances else float("nan"),
        "cpu_s": sum(epoch.seconds for epoch in fit.epochs),
        "ssim_95_s": _seconds_until(fit, 0.95),
    }


def _seconds_until(fit: TableFit, ssim: float) -> float:
    """Training time until the SSIM was first reached."""
    spent = 0.0
    for epoch in fit.epochs:
        spent += epoch.seconds
        if epoch.ssim >= ssim:
            return spent
    return float("nan")


def table(rows: dict[str, list[dict[str, float]]]) -> str:
    """Means over volumes and repeats, a line for each condition."""
    lines = ["| condition | runs | SSIM | PSNR dB | ST-LPIPS | training CPU s |", "|---|---|---|---|---|---|"]
    for condition, results in rows.items():
        mean = {key: float(np.mean([result[key] for result in results])) for key in results[0]}
        worst = min(result["psnr"] for result in results)
        lines.append(
            f"| {condition} | {len(results)} | {mean['ssim']:.4f} | {mean['psnr']:.1f} (least {worst:.1f}) "
            f"| {mean['st_lpips']:.4f} | {mean['cpu_s']:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--pixels", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--subjects", nargs="+", default=list(SUBJECTS))
    parser.add_argument("--conditions", nargs="+", default=CONDITIONS)
    parser.add_argument("--results", type=Path, default=Path("dvr_transfer"))
    options = parser.parse_args()
    folder: Path = options.results / f"{options.size}-{options.pixels}-{options.epochs}"
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[dict[str, float]]] = {}
    for subject in options.subjects:
        prepared = None
        for condition in options.conditions:
            for seed in range(options.repeats):
                path = folder / f"{subject}-{condition}-{seed}.json"
                if not path.exists():
                    prepared = prepared or prepare(subject, options.data, options.size, options.pixels)
                    settings = settings_of(condition, options.epochs, seed)
                    result = measure(prepared, settings, path.with_suffix(".png"))
                    path.write_text(json.dumps({"result": result, "settings": asdict(settings)}))
                    print(subject, condition, seed, json.dumps(result), flush=True)
                rows.setdefault(condition, []).append(json.loads(path.read_text())["result"])
        prepared = None
        gc.collect()
    print(f"\n{machine.describe_machine()}, {n_threads()} threads\n\n{table(rows)}")


if __name__ == "__main__":
    main()
