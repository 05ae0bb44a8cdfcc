"""`videocolor models convert`."""

from pathlib import Path
from typing import Any

import click

from videocolor.cli.output import human_bytes, json_option, print_json, print_table


@click.command(name="convert")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The result [default: SOURCE with .safetensors].")
@click.option(
    "--precision",
    type=click.Choice(["float16", "float32", "bfloat16"]),
    default="float16",
    show_default=True,
    help="Number format of the stored weights.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing result.")
@json_option
def command(source: Path, output: Path | None, precision: Any, overwrite: bool, as_json: bool) -> int:
    """Make a weight file of videocolor from SOURCE, published weights of a known network.

    SOURCE is a file of torch (.pth, .pt, .bin) or of safetensors. No code of it is run.
    """
    from videocolor.models.convert import ConvertReport, convert

    target = output or source.parent / f"{source.stem}.safetensors"
    report: ConvertReport = convert(source, target, precision=precision, overwrite=overwrite)
    if as_json:
        print_json(report.to_json())
        return 0
    hyper = ", ".join(f"{name} {value}" for name, value in report.hyper.items() if name != "folded")
    rows = [
        ("result", report.target),
        ("size", human_bytes(report.target_bytes)),
        ("sha256", report.target_sha256),
        ("network", f"{report.family} ({hyper})"),
        ("parameters", f"{report.parameter_count / 1e6:.1f} M"),
        ("read back", "the same to the last bit"),
        ("folded norms", f"change a* and b* by at most {report.fold_difference:.2g}"),
        (report.precision, f"changes a* and b* by at most {report.precision_difference:.2g}"),
    ]
    print_table(("what", "found"), rows)
    return 0
