"""For people: what each line does to find out, and what a user can try where it fails. docs/examination.md has more."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Of one line."""

    test: str
    """How it is measured."""
    remedy: str
    """What to try; no promise that it helps."""


# tests/examine/test_exam_page.py compares the remedies with docs/examination.md.
ADVICE: dict[int, Advice] = {
    1: Advice(
        test="A still picture with new grain in each of 24 frames: how far the color of a pixel moves over time, "
        "before and after smoothing. On clips, flicker along the motion.",
        remedy="Keep `--smoothing flow`; try `--smoothing-strength strong`; remove grain before coloring.",
    ),
    2: Advice(
        test="Photographs exposed two stops darker, where they become almost black: strength of color, "
        "share of blue to violet, and how far it moves with grain.",
        remedy="Lower `--saturation`; give a painted frame of each dark shot with `--references`.",
    ),
    3: Advice(
        test="Pictures with people: share of pixels that are blue to violet or green, against the truth's share.",
        remedy="Look at clothes and uniforms; give painted frames with `--references`; try another model or a blend.",
    ),
    4: Advice(
        test="Connected regions of strong color where the truth has hardly any.",
        remedy="Lower `--saturation`; try another `--render-factor` or another model.",
    ),
    5: Advice(
        test="Network sizes from 128 to 512 pixels: how strong colors become before any limit, "
        "and how far they change from one size to the next.",
        remedy="Choose one `--render-factor` with `--preview`, and keep it for all parts of a film.",
    ),
    6: Advice(
        test="The same sizes: the least colorfulness of a size over the largest.",
        remedy="Choose one `--render-factor` with `--preview`, and keep it for all parts of a film.",
    ),
    7: Advice(
        test="Marked faces, hands and arms: does the color lie in the range of human skin, and how many stay gray?",
        remedy="Try another `--render-factor` or another model; give painted frames with `--references`.",
    ),
    8: Advice(
        test="A colored disc on a gray ground: how much color lies outside its edge, and how wide the step is.",
        remedy="Compare the choices of `--upsample`; a higher `--render-factor` gives the network more detail.",
    ),
    9: Advice(
        test="Mean color of each picture against its true one: do they follow each other, and how far are they "
        "apart over all pictures?",
        remedy="Try another model; a painted frame with `--references` sets the tint of its shot.",
    ),
    10: Advice(
        test="Share of pictures that get less than a quarter of their true colorfulness.",
        remedy="Find the gray shots with `videocolor report`; try another `--render-factor`, model or `--references`.",
    ),
    11: Advice(
        test="Flat and woven inputs: does the color repeat every 4, 8, 16 or 32 pixels?",
        remedy="Try another `--render-factor`; look at skies and walls.",
    ),
    12: Advice(
        test="Color at a picture's rim against that further in, and color on black bars.",
        remedy="Cut off black bars before coloring; look at the rim.",
    ),
    13: Advice(
        test="Clips before and after smoothing: how much color is left, and how far hues move.",
        remedy="Use `--smoothing-strength light`.",
    ),
    14: Advice(
        test="Colors from a compressed, grainy or blurred picture, put on the clean one: what is lost?",
        remedy="Color the best scan there is; remove noise and compression before coloring.",
    ),
    15: Advice(
        test="Two shots joined: the detector must find the cut, and the first frame after it must be that of a run "
        "of its own.",
        remedy="Check the cuts with `videocolor shots`; if they are right, this is an error of the program: report it.",
    ),
    16: Advice(
        test="The same picture cropped, mirrored and with another contrast: how far do hues move?",
        remedy="Give one painted frame of each take with `--references`.",
    ),
    17: Advice(
        test="Color on what is neutral in truth, and on made paper and fog.",
        remedy="Lower `--saturation`; look at snow, paper, fog and titles.",
    ),
    18: Advice(
        test="Photographs made gray as orthochromatic film saw them, blind to red: skin and cast again, against "
        "the same with ordinary gray.",
        remedy="Expect other colors of skin and sky on films before about 1930; give painted frames with "
        "`--references`.",
    ),
}
