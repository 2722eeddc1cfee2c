"""One path: from the camera through collisions to the lights."""

from __future__ import annotations

import math

from numba import njit

from tomosplat.render.pathtracer.dome import dome_pixel, dome_radiance, sample_dome
from tomosplat.render.pathtracer.kernels import INLINE, f32
from tomosplat.render.pathtracer.lights import aim_at_light, choose_light, light_density, meet_light
from tomosplat.render.pathtracer.phase import phase_density, sample_phase
from tomosplat.render.pathtracer.rng import STEP, high_unit, mix
from tomosplat.render.pathtracer.surface import sample_surface, surface_slope, surface_value
from tomosplat.render.pathtracer.tracking import fly
from tomosplat.render.pathtracer.vectors import add, dot, multiply, normalize, row, scale, transform

_ZERO, _ONE, _TWO = f32(0), f32(1), f32(2)
_BLACK = _ZERO, _ZERO, _ZERO
_FAR = f32(1e30)
_UNIT16 = f32(1 / 65535)
#: A path goes on with probability throughput · this, at most 1 (efficiency was flat between 2 and 5).
_PERSISTENCE = f32(2)


@njit(**INLINE)
def _colour(base, coat, albedo):  # type: ignore[no-untyped-def]
    """Scattering of a material whose base is coloured and whose coat is not."""
    return base * albedo[0] + coat, base * albedo[1] + coat, base * albedo[2] + coat


@njit(**INLINE)
def _meet_surface(surfaces, p, w, counter):  # type: ignore[no-untyped-def]
    """Whether a collision is with a surface, its normal on the side that the ray came from, and the counter."""
    normal, steepness = normalize(surface_slope(surfaces, p))
    counter += STEP
    is_surface = high_unit(mix(counter)) > math.exp(-steepness)
    return is_surface, normal if dot(normal, w) < 0 else scale(normal, -_ONE), counter


@njit(**INLINE)
def _aim(world, p, counter):  # type: ignore[no-untyped-def]
    """Choose a light or the environment and a direction to it.

    Returns:
        (direction in voxels per mm, world direction, distance, density, radiance, counter); density 0 if the light
        does not shine here or another one stands before it.
    """
    lights = world.lights
    counter += STEP
    light = choose_light(lights.chances, high_unit(mix(counter)))
    if light < lights.areas.size:
        d, w, distance, density, counter = aim_at_light(lights, light, world.medium.to_world, p, counter)
        return d, w, distance, density, row(lights.radiances, light), counter
    w, pixel, counter = sample_dome(world.dome, counter)
    d = transform(world.medium.to_voxels, w)
    hidden = meet_light(lights, p, d, _FAR)[0] >= 0
    density = _ZERO if hidden else lights.chances[light] * world.dome.density[pixel]
    return d, w, _FAR, density, dome_radiance(world.dome, pixel), counter


@njit(**INLINE)
def _direct(world, g, p, w, albedo, is_surface, normal, counter):  # type: ignore[no-untyped-def]
    """Light that comes straight from a light and is scattered at p against w, and the counter."""
    d, to_light, distance, aimed, radiance, counter = _aim(world, p, counter)
    if aimed <= 0:
        return _BLACK, counter
    if is_surface:
        base, coat, scattered = surface_value(world.surfaces, normal, scale(w, -_ONE), to_light)
        if scattered <= 0:
            return _BLACK, counter
    else:
        base, coat = phase_density(g, dot(to_light, w)), _ZERO
        scattered = base
    _, _, passed, counter = fly(world.medium, world.planes, p, d, distance, True, counter)
    # The balance heuristic's weight, aimed / (aimed + scattered), divided by the density ``aimed``.
    passed /= aimed + scattered
    return scale(multiply(_colour(base, coat, albedo), radiance), passed), counter


@njit(**INLINE)
def _arriving(world, p, d, w, density):  # type: ignore[no-untyped-def]
    """Light that a scattered ray finds beyond the scan, weighted against aiming there (balance heuristic)."""
    lights, dome = world.lights, world.dome
    light, distance, cosine = meet_light(lights, p, d, _FAR)
    if light < 0:
        pixel = dome_pixel(dome, w)
        aimed = lights.chances[lights.areas.size] * dome.density[pixel]
        return scale(dome_radiance(dome, pixel), density / (density + aimed))
    if cosine <= 0:
        return _BLACK
    return scale(row(lights.radiances, light), density / (density + light_density(lights, light, cosine, distance)))


@njit(**INLINE)
def _bounce(world, g, w, albedo, is_surface, normal, counter):  # type: ignore[no-untyped-def]
    """New direction, its density (0 if the path ends), what it carries of the light, and the counter."""
    if not is_surface:
        w, density, counter = sample_phase(g, w, counter)
        return w, density, albedo, counter
    v = scale(w, -_ONE)
    w, counter = sample_surface(world.surfaces, normal, v, counter)
    base, coat, density = surface_value(world.surfaces, normal, v, w)
    carried = scale(_colour(base, coat, albedo), _ONE / density) if density > 0 else _BLACK
    return w, density, carried, counter


@njit(**INLINE)
def _albedo(medium, cell):  # type: ignore[no-untyped-def]
    r, g, b = medium.albedos[cell, 0], medium.albedos[cell, 1], medium.albedos[cell, 2]
    return scale((f32(r), f32(g), f32(b)), _UNIT16)


@njit(**INLINE)
def scattered_light(world, g, max_depth, p, w, albedo, counter):  # type: ignore[no-untyped-def]
    """Light that is scattered against w at a collision, of this albedo, and at those that its paths meet on the way."""
    medium, surfaces = world.medium, world.surfaces
    light, throughput = _BLACK, (_ONE, _ONE, _ONE)
    is_surface, normal = False, _BLACK
    aims = world.lights.chances.sum() > 0
    for _ in range(max_depth):
        if surfaces.slopes.size > 0:
            is_surface, normal, counter = _meet_surface(surfaces, p, w, counter)
        if aims:
            direct, counter = _direct(world, g, p, w, albedo, is_surface, normal, counter)
            light = add(light, multiply(throughput, direct), _ONE)
        w, density, carried, counter = _bounce(world, g, w, albedo, is_surface, normal, counter)
        throughput = multiply(throughput, carried)
        chance = max(throughput[0], max(throughput[1], throughput[2])) * _PERSISTENCE
        if chance < _ONE:
            counter += STEP
            if high_unit(mix(counter)) >= chance:
                break
            throughput = scale(throughput, _ONE / chance)
        d = transform(medium.to_voxels, w)
        t, cell, _, counter = fly(medium, world.planes, p, d, _FAR, False, counter)
        if cell < 0:
            light = add(light, multiply(throughput, _arriving(world, p, d, w, density)), _ONE)
            break
        p, albedo = add(p, d, t), _albedo(medium, cell)
    return light


@njit(**INLINE)
def trace_path(world, g, max_depth, p, w, counter):  # type: ignore[no-untyped-def]
    """Follow one path from a start in voxels along a world direction: (radiance, whether it hit the scan).

    Lights and environment are not seen by the camera's own ray.
    """
    medium = world.medium
    d = transform(medium.to_voxels, w)
    t, cell, _, counter = fly(medium, world.planes, p, d, _FAR, False, counter)
    if cell < 0:
        return _BLACK, False
    light = scattered_light(world, g, max_depth, add(p, d, t), w, _albedo(medium, cell), counter)
    return light, True
